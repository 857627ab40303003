// GET / | 500 | application/json | the function failed with RangeError
module.exports = (req, res) => {
  setTimeout(() => { throw new RangeError("later"); }, 5);
};
