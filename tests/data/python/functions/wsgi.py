# POST /x hello | 200 | text/plain | /wsgi /x hello
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']} ".encode(), environ["wsgi.input"].read()]
