import requests


def handle(request):
    """What is done before a call goes out; none does, so that no other server is measured."""
    prepared = requests.Request("GET", "https://example.org/orders", params={"page": 2}).prepare()
    return {"url": prepared.url}
