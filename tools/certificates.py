"""A small certificate authority for throwaway servers, made with the openssl command."""

import subprocess
from pathlib import Path

# name: (common name, subject alternative names, extended key usage, valid until); all signed by ca.crt.
LEAVES = {
    "server": ("localhost", "DNS:localhost,DNS:db.example.test,IP:127.0.0.1,IP:::1", "serverAuth", "21000101"),
    "common_name_only": ("localhost", "", "serverAuth", "21000101"),
    "wildcard": ("wild", "DNS:*.example.test", "serverAuth", "21000101"),
    "wrong_host": ("other.example.test", "DNS:other.example.test", "serverAuth", "21000101"),
    "expired": ("localhost", "DNS:localhost,IP:127.0.0.1", "serverAuth", "20200201"),
    "client": ("certified", "", "clientAuth", "21000101"),
}
# The same subject as "server", signed with other hashes: SCRAM's channel binding hashes a certificate with them.
SIGNED_WITH = {"server_sha384": "sha384", "server_sha512": "sha512"}

CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = subject
prompt = no
[subject]
CN = {name}
"""


def openssl(*arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr}")


def new_key(path: Path) -> Path:
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    path.chmod(0o600)
    return path


def make_authority(folder: Path, file: str, name: str) -> None:
    key = new_key(folder / f"{file}.key")
    openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}", "-days", "20000",
            "-addext", "basicConstraints=critical,CA:true", "-out", folder / f"{file}.crt")


def make_leaf(folder: Path, file: str, leaf: tuple[str, str, str, str], digest: str = "sha256") -> None:
    name, alternatives, usage, until = leaf
    key = new_key(folder / f"{file}.key")
    config = folder / "ca.conf"
    config.write_text(CONFIG.format(folder=folder, name=name))
    openssl("req", "-new", "-key", key, "-config", config, "-out", folder / f"{file}.csr")
    extensions = folder / "extensions.conf"
    extensions.write_text("basicConstraints=CA:false\nextendedKeyUsage=" + usage + "\n"
                          + (f"subjectAltName={alternatives}\n" if alternatives else ""))
    openssl("ca", "-batch", "-notext", "-config", config, "-extfile", extensions, "-md", digest,
            "-cert", folder / "ca.crt", "-keyfile", folder / "ca.key", "-in", folder / f"{file}.csr",
            "-startdate", "20200101000000Z", "-enddate", f"{until}000000Z", "-out", folder / f"{file}.crt")
    (folder / f"{file}.csr").unlink()


def make_all(folder: Path) -> None:
    """ca, other_ca (which signed nothing), every leaf, and bundles of a server's chain."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.txt").write_text("")
    make_authority(folder, "ca", "tidewire test authority")
    make_authority(folder, "other_ca", "another authority")
    for file, leaf in LEAVES.items():
        make_leaf(folder, file, leaf)
    for file, digest in SIGNED_WITH.items():
        make_leaf(folder, file, LEAVES["server"], digest)
    for leftover in [*folder.glob("*.pem"), *folder.glob("index.txt*"), *folder.glob("*.conf")]:
        leftover.unlink()
