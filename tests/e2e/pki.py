# SPDX-License-Identifier: Apache-2.0
"""An authority of a test's own, and certificates by it; openssl does the work."""
import collections
import subprocess

Pair = collections.namedtuple("Pair", "cert key")


class Authority:
    """Writes into a directory: ca.pem, and for each name NAME.pem and NAME.key."""

    def __init__(self, directory, name="ca"):
        self.dir = directory
        self.ca = directory / f"{name}.pem"
        self.key = directory / f"{name}.key"
        self._openssl("req", "-x509", *self._new(self.key), "-out", self.ca, "-subj", f"/CN=test {name}",
                      "-days", 3, "-addext", "keyUsage=critical,keyCertSign,digitalSignature")

    @staticmethod
    def _new(key):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=self.dir, timeout=60)

    def pair(self, name, names="IP:127.0.0.1,DNS:localhost"):
        """A server's certificate for these names."""
        made = Pair(self.dir / f"{name}.pem", self.dir / f"{name}.key")
        request, extensions = self.dir / f"{name}.csr", self.dir / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        self._openssl("req", *self._new(made.key), "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial",
                      "-days", 2, "-extfile", extensions, "-out", made.cert)
        return made

    def self_signed(self, name, names="IP:127.0.0.1,DNS:localhost"):
        made = Pair(self.dir / f"{name}.pem", self.dir / f"{name}.key")
        self._openssl("req", "-x509", *self._new(made.key), "-out", made.cert, "-subj", f"/CN={name}", "-days", 2,
                      "-addext", f"subjectAltName={names}")
        return made

    def keystore(self, pair, password):
        """The pair as PKCS #12, for servers in Java."""
        store = pair.cert.with_suffix(".p12")
        self._openssl("pkcs12", "-export", "-in", pair.cert, "-inkey", pair.key, "-out", store, "-name", "node",
                      "-passout", f"pass:{password}")
        return store
