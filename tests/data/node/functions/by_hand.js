// POST / hello | 201 | text/x-mine | HELLO
module.exports = async (req, res) => {
  res.writeHead(201, { "Content-Type": "text/x-mine" });
  for await (const piece of req) res.write(piece.toString().toUpperCase());
  res.end();
};
