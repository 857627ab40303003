// What was found, and where. Everything in this folder is ECMAScript 5 that runs in an engine inside of the plugin, on the
// host; each file adds a part to the object `berth`.
(function (berth) {
  "use strict";
  var SHOWN = 6; // names in a list

  function Findings() {
    this.items = [];
  }

  Findings.prototype.add = function (severity, place, message, hint) {
    this.items.push({
      severity: severity,
      file: place && place.file,
      line: (place && place.line) || 0,
      column: (place && place.column) || 0,
      option: place && place.option,
      message: message,
      hint: hint,
    });
  };

  Findings.prototype.error = function (place, message, hint) {
    this.add(1, place, message, hint);
  };

  Findings.prototype.warning = function (place, message, hint) {
    this.add(2, place, message, hint);
  };

  Findings.prototype.note = function (place, message, hint) {
    this.add(3, place, message, hint);
  };

  // How many edits lead from one word to the other.
  function distance(a, b) {
    var row = [], i, j, diagonal, above;
    for (j = 0; j <= b.length; j++) row[j] = j;
    for (i = 1; i <= a.length; i++) {
      diagonal = row[0];
      row[0] = i;
      for (j = 1; j <= b.length; j++) {
        above = row[j];
        row[j] = Math.min(above + 1, row[j - 1] + 1, diagonal + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1));
        diagonal = above;
      }
    }
    return row[b.length];
  }

  // The word of a list that was probably meant, or null.
  function nearest(word, words) {
    var best = null, least = Math.max(1, Math.floor(word.length / 3)) + 1;
    words.slice(0, 1000).forEach(function (candidate) {
      var edits = candidate.toLowerCase() === word.toLowerCase() ? 0 : distance(word, candidate);
      if (candidate !== word && edits < least) {
        least = edits;
        best = candidate;
      }
    });
    return best;
  }

  function quoted(text) {
    return "`" + String(text).replace(/[\u0000-\u001f\u007f]/g, "?").slice(0, 120) + "`";
  }

  function listed(names) {
    var shown = names.slice(0, SHOWN).map(quoted).join(", ");
    return names.length > SHOWN ? shown + " and " + (names.length - SHOWN) + " more" : shown;
  }

  function didYouMean(near) {
    return near ? "did you mean " + quoted(near) + "?" : undefined;
  }

  berth.Findings = Findings;
  berth.nearest = nearest;
  berth.quoted = quoted;
  berth.listed = listed;
  berth.didYouMean = didYouMean;
})(berth);
