from flask import Flask, jsonify

app = Flask(__name__)


@app.route("/greet/<name>")
def greet(name):
    return jsonify(greeting=f"Hello, {name}")
