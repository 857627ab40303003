// POST /?a=1&a=2 {"n": 4} | 202 | application/json | {"n":4,"a":["1","2"],"cookie":"x"}
exports.handle = async (req, res) => {
  const { n } = await req.json();
  res.status(202).json({ n, a: req.query.a, cookie: req.cookies.c ?? "x" });
};
