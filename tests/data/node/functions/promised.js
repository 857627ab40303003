// GET / | 200 | text/plain; charset=utf-8 | in time
module.exports = new Promise((resolve) => setTimeout(resolve, 5, () => "in time"));
