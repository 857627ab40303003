// GET / | 500 | application/json | the function failed with TypeError
module.exports = async (req) => req.nothing.at.all;
