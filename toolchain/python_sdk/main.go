// Runtime for Python modules where no published SDK image can be had.
//
// It makes the container in which a module's functions run: Debian's Python, the published dagger-io client and
// the module's own locked requirements, all verified by hash. It generates no code, for the published client
// already covers the engine's own API; a module that depends on other modules needs the vendor's runtime.
package main

import (
	"context"
	"path"
	"strings"

	"python-sdk/internal/dagger"
)

const (
	venv = "/opt/venv"
	// The client comes from this SDK's own lock; of the module's lock only what names a published package counts.
	installModuleLock = `sed '/^-e /d; /^\.\//d; /^dagger-io/,/^[^ ]/{/^dagger-io/d; /^ /d}' /lock/requirements.lock > /lock/published.lock &&
if grep -q '==' /lock/published.lock; then ` + venv + `/bin/pip install --quiet --no-deps --require-hashes -r /lock/published.lock; fi`
)

type PythonSdk struct {
	// What this SDK ships beside its runtime: client/requirements.lock and client/runtime.py.
	SdkSourceDir *dagger.Directory
}

func New(
	// The content of the SDK's image; the engine passes it.
	// +optional
	sdkSourceDir *dagger.Directory,
) *PythonSdk {
	return &PythonSdk{SdkSourceDir: sdkSourceDir}
}

// ModuleRuntime returns the container in which the module's functions run.
func (sdk *PythonSdk) ModuleRuntime(
	ctx context.Context,
	modSource *dagger.ModuleSource,
	introspectionJson *dagger.File,
) (*dagger.Container, error) {
	name, err := modSource.ModuleOriginalName(ctx)
	if err != nil {
		return nil, err
	}
	subpath, err := modSource.SourceSubpath(ctx)
	if err != nil {
		return nil, err
	}
	source := path.Join("/src", subpath)
	locks, err := modSource.Directory(".").Glob(ctx, "requirements.lock")
	if err != nil {
		return nil, err
	}
	container := sdk.base()
	if len(locks) > 0 {
		container = container.
			WithFile("/lock/requirements.lock", modSource.Directory(".").File("requirements.lock")).
			WithExec([]string{"sh", "-c", installModuleLock})
	}
	return container.
		WithMountedDirectory("/src", modSource.ContextDirectory()).
		WithExec([]string{"python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", source}).
		WithEnvVariable("PYTHONPATH", path.Join(source, "src")).
		WithEnvVariable("DAGGER_MODULE", name).
		WithEnvVariable("DAGGER_DEFAULT_PYTHON_PACKAGE", packageName(name)).
		WithEnvVariable("DAGGER_MAIN_OBJECT", objectName(name)).
		WithEntrypoint([]string{"/runtime"}).
		WithWorkdir(source), nil
}

// Codegen leaves the sources as they are.
func (sdk *PythonSdk) Codegen(
	ctx context.Context,
	modSource *dagger.ModuleSource,
	introspectionJson *dagger.File,
) (*dagger.GeneratedCode, error) {
	return dag.GeneratedCode(modSource.ContextDirectory()), nil
}

// Without the program that gathers authorities, which an engine with certificates of its own would run before
// and after every call of a function: it then adds them to the gathered file by itself.
func (sdk *PythonSdk) base() *dagger.Container {
	return dag.Container().
		From("debian:trixie-slim").
		WithEnvVariable("DEBIAN_FRONTEND", "noninteractive").
		WithExec([]string{"sh", "-c", "apt-get update -qq && apt-get install -qq --no-install-recommends python3-venv ca-certificates >/dev/null && rm -rf /var/lib/apt/lists/* /usr/sbin/update-ca-certificates"}).
		WithExec([]string{"python3", "-m", "venv", venv}).
		WithFile("/client/requirements.lock", sdk.SdkSourceDir.File("client/requirements.lock")).
		WithEnvVariable("PIP_CACHE_DIR", "/var/cache/pip").
		WithEnvVariable("PIP_RESUME_RETRIES", "5"). // of a download that broke off
		WithMountedCache("/var/cache/pip", dag.CacheVolume("python-sdk-pip")).
		WithExec([]string{venv + "/bin/pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", "/client/requirements.lock"}).
		WithEnvVariable("PYTHONUNBUFFERED", "1").
		WithFile("/runtime", sdk.SdkSourceDir.File("client/runtime.py"), dagger.ContainerWithFileOpts{Permissions: 0o755})
}

// packageName turns a module's name into its Python package: "my-module" is my_module.
func packageName(module string) string {
	return strings.ReplaceAll(strings.ToLower(module), "-", "_")
}

// objectName turns a module's name into its main class: "my-module" is MyModule.
func objectName(module string) string {
	object := ""
	for _, part := range strings.FieldsFunc(module, func(r rune) bool { return r == '-' || r == '_' }) {
		object += strings.ToUpper(part[:1]) + part[1:]
	}
	return object
}
