// GET / | 200 | text/plain; charset=utf-8 | no event
exports.handler = (req, res) => res.end === undefined ? "an event" : "no event";
