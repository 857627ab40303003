// GET /a%20b | 200 | text/plain; charset=utf-8 | GET /a%20b below /text
module.exports = (req) => `${req.method} ${req.path} below ${req.headers["x-forwarded-prefix"]}`;
