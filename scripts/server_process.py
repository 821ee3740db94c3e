"""A quipu server on a free port of 127.0.0.1, started by a script."""
import os
import re
import subprocess
import sys
import threading


class ServerProcess:
    def __init__(self, quipu, model, *flags):
        command = [quipu, "--server", "-m", model, "--port", "0", "--nobrowser", "--access-log", os.devnull, *flags]
        self.process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"listening on http://127.0.0.1:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            sys.exit("the server did not start: " + "".join(self.lines))
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()

    def stop(self):
        self.process.terminate()
        return self.process.wait()
