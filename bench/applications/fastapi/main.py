from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()


class Line(BaseModel):
    article: str = Field(min_length=1, max_length=40)
    count: int = Field(gt=0, le=1000)
    price: float = Field(ge=0)


class Order(BaseModel):
    customer: str
    lines: list[Line]


class Sum(BaseModel):
    customer: str
    total: float


@app.post("/orders")
async def add(order: Order) -> Sum:
    return Sum(customer=order.customer, total=sum(line.count * line.price for line in order.lines))
