import pandas
from sklearn.linear_model import LinearRegression

KNOWN = pandas.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "price": [3.0, 5.0, 7.0, 9.0]})
MODEL = LinearRegression().fit(KNOWN[["size"]], KNOWN["price"])


def handle(request):
    asked = pandas.DataFrame({"size": [5.0]})
    return {"price": round(float(MODEL.predict(asked)[0]), 3)}
