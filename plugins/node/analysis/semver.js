// Whether a version fits a range as npm writes them: "^18 || >=20.1", "18.x", "16 - 20", "~18.2".
(function (berth) {
  "use strict";

  // [major, minor, patch] with -1 for what is left open, or null.
  function parts(text) {
    var found = /^[v=\s]*(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.+-]*)?$/.exec(text);
    return found && [1, 2, 3].map(function (i) {
      return found[i] === undefined || /[xX*]/.test(found[i]) ? -1 : Number(found[i]);
    });
  }

  function compare(a, b) {
    for (var i = 0; i < 3; i++) {
      if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
    }
    return 0;
  }

  function floor(wanted) {
    return wanted.map(function (part) { return Math.max(part, 0); });
  }

  // The first version beyond all that begin with the parts up to `index`.
  function beyond(wanted, index) {
    return wanted.map(function (part, i) { return i < index ? Math.max(part, 0) : i === index ? part + 1 : 0; });
  }

  // The first version beyond those of the parts that are given, or null: there is none.
  function end(wanted) {
    var open = wanted.indexOf(-1);
    return open === 0 ? null : beyond(wanted, open < 0 ? 2 : open - 1);
  }

  // Whether version fits one comparison; null when it cannot be read.
  function fits(version, text) {
    var found = /^(\^|~>?|>=|<=|>|<|=)?\s*(.*)$/.exec(text), wanted = parts(found[2]), last;
    if (!wanted) return null;
    last = end(wanted);
    if (!last) return found[1] !== "<" && found[1] !== ">";
    switch (found[1]) {
      case "^": {
        var first = 0;
        while (first < 2 && wanted[first] === 0 && wanted[first + 1] !== -1) first++;
        last = beyond(wanted, first);
        break;
      }
      case "~":
      case "~>":
        last = beyond(wanted, wanted[1] < 0 ? 0 : 1);
        break;
      case ">=":
        return compare(version, floor(wanted)) >= 0;
      case "<=":
        return compare(version, last) < 0;
      case ">":
        return compare(version, last) >= 0;
      case "<":
        return compare(version, floor(wanted)) < 0;
    }
    return compare(version, floor(wanted)) >= 0 && compare(version, last) < 0;
  }

  // True, false, or null for a range that cannot be read.
  function satisfies(version, range) {
    var numbers = parts(version), known = true;
    var any = String(range).split("||").some(function (alternative) {
      var text = alternative.trim().replace(/^(\S+)\s+-\s+(\S+)$/, ">=$1 <=$2").replace(/(\^|~>?|>=|<=|>|<|=)\s+/g, "$1");
      return (text || "*").split(/\s+/).every(function (part) {
        var result = fits(numbers, part);
        if (result === null) known = false;
        return result;
      });
    });
    return known ? any : null;
  }

  berth.satisfies = satisfies;
})(berth);
