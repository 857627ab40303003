// GET / | 200 | application/octet-stream | GIF89a
module.exports = () => Buffer.from("GIF89a");
