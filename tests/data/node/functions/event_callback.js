// GET / | 200 | application/json | {"seen":"GET"}
exports.handler = (event, context, callback) => {
  setTimeout(() => callback(null, { seen: event.requestContext.http.method }), 5);
};
