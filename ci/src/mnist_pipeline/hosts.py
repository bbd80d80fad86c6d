"""What users say about deploying: the options of deploy and rehearse, with their help.

Contract: an alias is a type with the text that is its help. Does not know what is done with them.
"""

from typing import Annotated

import dagger
from dagger import Doc

Address = Annotated[str, Doc("The host, as user@host or user@host:port; the user may use Docker.")]
SshKey = Annotated[dagger.Secret, Doc("The SSH key, as file://key or env://SSH_KEY.")]
KnownHosts = Annotated[
    dagger.File,
    Doc("A file with the host's key, from `ssh-keyscan HOST`, once compared with the host's own."),
]
Action = Annotated[
    str,
    Doc(
        "deploy, rollback (to the release before), status, history (the audit trail, verified), "
        "recover (what a killed deployment left), or unlock."
    ),
]
Images = Annotated[
    list[str] | None,
    Doc(
        "Images that were published, as NAME=REGISTRY/NAME@sha256:..., separated by commas; those "
        "that are not given are built from the source and sent over SSH."
    ),
]
Published = Annotated[
    dagger.File | None,
    Doc("What publish or promote printed: its images, with --images none of them by name."),
]
ReleaseName = Annotated[str, Doc("The name of the release, for people; its digest by default.")]
Certificate = Annotated[
    dagger.Secret | None,
    Doc("Certificate and key of the edge in one PEM, as file://edge.pem; needed once."),
]
SelfSigned = Annotated[
    str, Doc("Make a certificate for this name where the host has none: for first steps only.")
]
Watched = Annotated[bool, Doc("With Prometheus, Alertmanager and exporters; their images, too.")]
Reason = Annotated[
    str,
    Doc(
        "Why to deploy though the gate finds the release slow or knows too little, or an error "
        "budget is spent; it is kept in the audit trail. Wrong answers and errors are never "
        "overruled."
    ),
]
More = Annotated[
    list[str] | None,
    Doc("More options of the deployer, as --steps=1:60;100:60 or --renew; see README.md."),
]
