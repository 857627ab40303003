# GET / | 200 | image/gif | GIF89a
import base64


async def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "image/gif"}, "isBase64Encoded": True,
            "body": base64.b64encode(b"GIF89a").decode()}
