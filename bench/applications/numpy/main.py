import numpy

COEFFICIENTS = numpy.array([[3.0, 1.0], [1.0, 2.0]])


def handle(request):
    return {"solution": numpy.linalg.solve(COEFFICIENTS, numpy.array([9.0, 8.0])).round(6).tolist()}
