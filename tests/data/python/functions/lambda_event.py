# POST /a/b?x=1 hello | 201 | application/json | {"path":"/a/b","x":"1","body":"aGVsbG8="}
def lambda_handler(event, context):
    assert context.get_remaining_time_in_millis() > 1000 and context.aws_request_id
    return {"statusCode": 201, "body": {"path": event["rawPath"], "x": event["queryStringParameters"]["x"],
                                        "body": event["body"]}}
