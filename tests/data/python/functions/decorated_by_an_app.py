# GET /x | 200 | text/plain | the application at /x
class App:
    def __init__(self):
        self.view_functions = {}

    def route(self, path):
        return lambda view: self.view_functions.setdefault(path, view)

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"the application at {environ['PATH_INFO']}".encode()]


app = App()


@app.route("/")
def handler():
    return "a view"
