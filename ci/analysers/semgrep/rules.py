"""An example of what each rule finds and of what it leaves alone; never imported, never run."""

import hmac
import time

import dagger
import joblib
import jwt
import numpy as np
import sqlalchemy
import streamlit as st
import torch

# ruleid: load-executes-pickle
torch.load("model.pth", weights_only=True)
# ruleid: load-executes-pickle
joblib.load("model.joblib")
# ruleid: load-executes-pickle
np.load("digits.npz", allow_pickle=True)
# ok: load-executes-pickle
np.load("digits.npz", allow_pickle=False)

# ruleid: token-unverified
jwt.decode(token, key, algorithms=["RS256"], options={"verify_signature": False})
# ruleid: token-unverified
jwt.decode(token, key)
# ok: token-unverified
jwt.decode(token, key, algorithms=["RS256"], audience="mnist")

# ruleid: statement-from-text
connection.execute(f"select * from predictions where id = '{name}'")
# ruleid: statement-from-text
sqlalchemy.text(f"delete from {table}")
# ok: statement-from-text
connection.execute(f"PRAGMA {pragma}")
# ok: statement-from-text
connection.execute(sqlalchemy.text("select 1 from predictions where id = :id"), {"id": name})

# ruleid: secret-in-log
logger.info("connecting", url=settings.database_url.get_secret_value())
# ruleid: secret-in-log
logger.warning(f"refused {settings.page_key.get_secret_value()}")
# ok: secret-in-log
logger.info("connecting", url=settings.database_url)

# ruleid: digest-compared-by-equals
known = found.key_sha256 == digest
# ok: digest-compared-by-equals
known = hmac.compare_digest(found.key_sha256, digest)

# ruleid: page-html-unescaped
st.markdown(f"<b>{name}</b>", unsafe_allow_html=True)
# ok: page-html-unescaped
st.markdown(f"**{name}**")

# ruleid: pipeline-reads-secret
password = registry_password.plaintext()

# ruleid: secret-as-variable
container.with_env_variable("GHCR_TOKEN", token)
# ok: secret-as-variable
container.with_secret_variable("GHCR_TOKEN", token)
# ok: secret-as-variable
container.with_env_variable("COSIGN_PASSWORD", "")
# ok: secret-as-variable
container.with_env_variable("MNIST_AUTH", "on")

# ruleid: exit-code-ignored
container.with_exec(["pytest"], expect=dagger.ReturnType.ANY)
# ok: exit-code-ignored
container.with_exec(["pytest"])

# ruleid: readiness-by-sleep
time.sleep(5)
while not ready():
    # ok: readiness-by-sleep
    time.sleep(0.1)

# ruleid: image-published-elsewhere
container.publish("registry/backend:latest")
