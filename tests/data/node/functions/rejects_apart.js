// GET / | 500 | application/json | the function failed with Error
module.exports = (req, res) => {
  (async () => { await null; throw new Error("apart"); })();
};
