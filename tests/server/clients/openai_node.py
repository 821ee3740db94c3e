#!/usr/bin/env python3
"""npm `openai` against the server: openai_node.mjs, which Node.js runs."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from serving import NAME, TIMEOUT_S, ServerTest

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = pathlib.Path(os.environ.get("QUIPU_DEPS_DIR", HERE.parents[2] / "build" / "deps")) / "openai-node" / "package"
OLDEST_NODE = 20  # that the package was seen to work with


def node_version():
    node = shutil.which("node")
    return int(re.match(r"v(\d+)", subprocess.check_output([node, "--version"], text=True))[1]) if node else 0


class OpenAiNode(ServerTest):
    @unittest.skipIf(node_version() < OLDEST_NODE, f"no Node.js of version {OLDEST_NODE} or later")
    def test_every_method(self):
        done = subprocess.run(["node", HERE / "openai_node.mjs", self.server.url, NAME, PACKAGE], text=True,
                              capture_output=True, timeout=10 * TIMEOUT_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
