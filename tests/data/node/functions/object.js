// GET /?name=Ada | 200 | application/json | {"hello":"Ada"}
module.exports = async (req) => ({ hello: req.query.name });
