"""A function with a dependency from PyPI: /humanize?bytes=123456789 gives {"bytes": "123.5 MB"}."""
import humanize


def handle(request):
    text = request.query_params.get("bytes", "123456789")
    if not text.isascii() or not text.isdigit():
        return {"error": "bytes must be a whole number"}, 400
    return {"bytes": humanize.naturalsize(int(text))}
