// Command advisories writes a vulnerability database that Trivy reads, from one JSON file.
//
// Contract: the file names buckets, each with its source and its advisories; the folder db of the
// output then holds trivy.db and metadata.json of schema 2. A field that is not known, a severity
// that is none and an empty file are errors. Does not know where advisories come from.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	"go.etcd.io/bbolt"
)

const validity = 24 * time.Hour // then Trivy asks for a newer one, where it may

// Advisory says in which versions of a package a vulnerability is, and where it is fixed.
type Advisory struct {
	ID, Package, Severity, Title, Link string

	FixedVersion       string   // of Debian's source packages
	VulnerableVersions []string // of Python's packages, as ranges
	PatchedVersions    []string
}

// Bucket is what one source tells of one kind of package.
type Bucket struct {
	Name       string // as Trivy looks it up: "debian 13", "pip::…"
	Source     types.DataSource
	Advisories []Advisory
}

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: advisories FILE.json FOLDER"))
	}
	buckets, err := read(os.Args[1])
	if err != nil {
		fail(err)
	}
	if err := write(buckets, os.Args[2], time.Now().UTC()); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "advisories:", err)
	os.Exit(1)
}

func read(path string) ([]Bucket, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var buckets []Bucket
	if err := decoder.Decode(&buckets); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(buckets) == 0 {
		return nil, fmt.Errorf("%s names no advisory", path)
	}
	return buckets, nil
}

func write(buckets []Bucket, folder string, now time.Time) error {
	if err := db.Init(folder); err != nil {
		return err
	}
	err := db.Config{}.BatchUpdate(func(tx *bbolt.Tx) error { return put(tx, buckets) })
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	made := metadata.Metadata{Version: db.SchemaVersion, NextUpdate: now.Add(validity), UpdatedAt: now, DownloadedAt: now}
	return metadata.NewClient(folder).Update(made)
}

func put(tx *bbolt.Tx, buckets []Bucket) error {
	config := db.Config{}
	details := map[string]types.Vulnerability{} // one for all sources that tell of it
	for _, bucket := range buckets {
		if err := config.PutDataSource(tx, bucket.Name, bucket.Source); err != nil {
			return err
		}
		for _, a := range bucket.Advisories {
			severity, err := types.NewSeverity(a.Severity)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", a.ID, a.Package, err)
			}
			advisory := types.Advisory{
				Severity:           severity,
				FixedVersion:       a.FixedVersion,
				VulnerableVersions: a.VulnerableVersions,
				PatchedVersions:    a.PatchedVersions,
			}
			if err := config.PutAdvisory(tx, []string{bucket.Name, a.Package}, a.ID, &advisory); err != nil {
				return err
			}
			detail, known := details[a.ID]
			if !known {
				detail = types.Vulnerability{Title: a.Title, References: []string{a.Link}, VendorSeverity: types.VendorSeverity{}}
			}
			detail.VendorSeverity[bucket.Source.ID] = max(severity, detail.VendorSeverity[bucket.Source.ID])
			details[a.ID] = detail
		}
	}
	for id, detail := range details {
		if err := config.PutVulnerability(tx, id, detail); err != nil {
			return err
		}
	}
	return nil
}
