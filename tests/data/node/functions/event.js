// POST /a/b?x=1&x=2 hello | 201 | application/json | {"path":"/a/b","x":"1,2","body":"aGVsbG8=","enough":true}
exports.handler = async (event, context) => ({
  statusCode: 201,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    path: event.rawPath,
    x: event.queryStringParameters.x,
    body: event.body,
    enough: context.getRemainingTimeInMillis() > 1000 && context.awsRequestId === event.requestContext.requestId,
  }),
});
