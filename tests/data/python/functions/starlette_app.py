# GET /where/it-is | 200 | application/json | /starlette_app/where/it-is"
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def where(request):
    return JSONResponse({"url": str(request.url_for("where", name=request.path_params["name"]))})


app = Starlette(routes=[Route("/where/{name}", where, name="where")])
