"""Certificates of one run: a certification authority and what it issues, by openssl."""
import shutil

from .netns import sh

CONFIG = """[ca]
default_ca = lab
[lab]
dir = {dir}
database = {dir}/index.txt
serial = {dir}/serial
crlnumber = {dir}/crlnumber
new_certs_dir = {dir}
certificate = {dir}/ca.crt
private_key = {dir}/ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
"""


class Authority:
    """DIR/ca.crt; for each name DIR/NAME.key and DIR/NAME.crt; DIR/ca.crl."""

    def __init__(self, run, name="ca"):
        self.dir = run.dir / name
        self.dir.mkdir()
        self.config = self.dir / "openssl.cnf"
        self.config.write_text(CONFIG.format(dir=self.dir))
        (self.dir / "index.txt").touch()
        for counter in ("serial", "crlnumber"):
            (self.dir / counter).write_text("01\n")
        self._key("ca")
        sh(["openssl", "req", "-config", self.config, "-x509", "-new", "-key", self.key("ca"),
            "-subj", f"/CN={name}", "-days", "2", "-extensions", "authority",
            "-out", self.certificate("ca")])
        self.publish_revocations()

    def key(self, name):
        return self.dir / f"{name}.key"

    def certificate(self, name):
        return self.dir / f"{name}.crt"

    @property
    def revocations(self):
        return self.dir / "ca.crl"

    def _key(self, name):
        sh(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-out", self.key(name)])

    def issue(self, name, subject=None, expired=False):
        """A certificate for a manager, in files of that name; subject: whose it says it is."""
        subject = subject or name
        request = self.dir / f"{name}.csr"
        self._key(name)
        sh(["openssl", "req", "-config", self.config, "-new", "-key", self.key(name),
            "-subj", f"/CN={subject}", "-addext", f"subjectAltName=DNS:{subject}",
            "-out", request])
        sh(["openssl", "ca", "-config", self.config, "-batch", "-notext", "-in", request,
            "-out", self.certificate(name),
            *(["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"] if expired else [])])
        return self

    def give_trust(self, directory):
        """Whom to believe."""
        shutil.copy(self.certificate("ca"), directory / "ca.pem")
        shutil.copy(self.revocations, directory / "crl.pem")

    def give(self, name, directory):
        """... and how to show oneself."""
        self.give_trust(directory)
        shutil.copy(self.certificate(name), directory / "mm.pem")
        shutil.copy(self.key(name), directory / "mm.key")

    def revoke(self, name):
        sh(["openssl", "ca", "-config", self.config, "-revoke", self.certificate(name)])
        self.publish_revocations()

    def publish_revocations(self):
        sh(["openssl", "ca", "-config", self.config, "-gencrl", "-out", self.revocations])
