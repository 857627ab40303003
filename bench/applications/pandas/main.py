import pandas

SALES = {"city": ["Bonn", "Ulm", "Bonn"], "sold": [2, 5, 4]}


def handle(request):
    sums = pandas.DataFrame(SALES).groupby("city")["sold"].sum()
    return {"sold": {city: int(sold) for city, sold in sums.items()}}
