# GET / | 200 | application/json | "text"
handler_run_config = {"is_return_serialized": False}


def handle(request):
    return "text"
