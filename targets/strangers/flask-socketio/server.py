"""An echo by acknowledgement as Flask-SocketIO's documentation writes it (https://flask-socketio.readthedocs.io/en/latest/).

`async_mode` is left to its default, which takes eventlet where that is installed.
"""

import argparse

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
app.config["SECRET_KEY"] = "a secret of a test"  # noqa: S105  # nobody else runs it
socketio = SocketIO(app)


@socketio.on("echo")
def handle_echo(message: str) -> str:
    return message


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    socketio.run(app, host=options.host, port=options.port)
