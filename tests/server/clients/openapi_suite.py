#!/usr/bin/env python3
"""schemathesis against the running server by its own /openapi.json: every operation, with valid and with bad requests."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from serving import Server

ROOT = pathlib.Path(__file__).resolve().parents[3]
TINY = os.environ.get("TEST_TINY_MODEL", str(ROOT / "build/references/terminal/tiny.gguf"))
# A schema cannot say what depends on the model or on flags (`dimensions`, /infill, /slots), nor what fields exclude each
# other: a request that the document allows may still be a 400 that names the field.
NOT_CHECKED = "positive_data_acceptance"
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "25")  # an operation and phase


class OpenApi(unittest.TestCase):
    def test_the_server_does_what_the_document_says(self):
        # Its cache of failures goes into the working folder.
        with Server("-c", "512", "-n", "8", model=TINY) as server, tempfile.TemporaryDirectory() as folder:
            status = subprocess.run(
                [pathlib.Path(sys.executable).parent / "schemathesis", "run", server.url + "/openapi.json", "--url",
                 server.url, "--max-examples", EXAMPLES, "--seed", "1", "--generation-deterministic",
                 "--exclude-checks", NOT_CHECKED, "--request-timeout", "60", "--continue-on-failure", "--no-color"],
                check=False, cwd=folder).returncode
            self.assertEqual(server.request("/health")[0], 200)
        self.assertEqual(status, 0)


if __name__ == "__main__":
    unittest.main()
