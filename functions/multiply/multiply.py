"""Multiplies: POST {"value1": 3, "value2": 2} gives {"result": 6}."""
from starlette.responses import JSONResponse

handler_run_config = {"is_return_serialized": True}


def read_values(data):
    """The two numbers of the request; ValueError says what is wrong with them."""
    if not isinstance(data, dict):
        raise ValueError("the body must be a JSON object")
    values = []
    for name in ("value1", "value2"):
        value = data.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{name} must be a number")
        values.append(value)
    return values


async def handle(request):
    try:
        value1, value2 = read_values(await request.json())
        return JSONResponse({"result": value1 * value2})
    except (ArithmeticError, ValueError) as error:
        return JSONResponse({"error": str(error)}, status_code=400)
