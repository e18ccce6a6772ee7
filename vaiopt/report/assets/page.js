(function () {
  "use strict";
  var palettes = JSON.parse(document.getElementById("palettes").textContent);
  var root = document.documentElement;
  var button = document.getElementById("theme");
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  var touch = window.matchMedia("(pointer: coarse)").matches;
  var drawn = [];

  var printing = false;

  function theme() {
    if (printing) return "light";
    return root.dataset.theme || (system.matches ? "dark" : "light");
  }

  function colour(value, palette) {
    if (typeof value === "string" && value.charAt(0) === "@") return palette[value.slice(1)];
    return Array.isArray(value) ? value.map(function (item) { return colour(item, palette); }) : value;
  }

  // Only values under keys that hold colours are tokens: a class may be named "@blue".
  function resolve(value, palette) {
    if (Array.isArray(value)) {
      return typeof value[0] === "object" && value[0] !== null ? value.map(function (item) { return resolve(item, palette); }) : value;
    }
    if (value === null || typeof value !== "object") return value;
    var result = {};
    Object.keys(value).forEach(function (key) {
      result[key] = /(color|colors|colorscale)$/.test(key) ? colour(value[key], palette) : resolve(value[key], palette);
    });
    return result;
  }

  function hasWebGL() {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  }

  // Parallel coordinates need WebGL; without it the same lines are drawn flat, and cannot be brushed.
  function asLines(spec) {
    var trace = spec.data[0], axes = trace.dimensions, palette = palettes[theme()];
    var shades = trace.line.colorscale.map(function (stop) { return stop[1]; });
    if (trace.line.reversescale) shades.reverse();
    var low = Math.min.apply(null, trace.line.color), high = Math.max.apply(null, trace.line.color);
    var ends = axes.map(function (axis) { return [Math.min.apply(null, axis.values), Math.max.apply(null, axis.values)]; });
    function height(value, k) { return ends[k][1] > ends[k][0] ? (value - ends[k][0]) / (ends[k][1] - ends[k][0]) : 0.5; }
    var lines = shades.map(function (shade) {
      return { type: "scatter", mode: "lines", x: [], y: [], line: { color: shade, width: 1 }, hoverinfo: "skip", showlegend: false };
    });
    trace.line.color.forEach(function (value, i) {
      var part = high > low ? (value - low) / (high - low) : 1;
      var line = lines[Math.min(lines.length - 1, Math.floor(part * lines.length))];
      axes.forEach(function (axis, k) { line.x.push(k); line.y.push(height(axis.values[i], k)); });
      line.x.push(null);
      line.y.push(null);
    });
    var layout = spec.layout;
    layout.annotations = [];
    axes.forEach(function (axis, k) {
      layout.annotations.push({ x: k, y: 1.02, yref: "paper", text: axis.label, showarrow: false, textangle: -18, xanchor: "left", yanchor: "bottom", font: { size: 12, color: palette.ink } });
      axis.tickvals.forEach(function (place, j) {
        layout.annotations.push({ x: k, y: height(place, k), text: axis.ticktext[j], showarrow: false, xanchor: "left", xshift: 4, font: { size: 11, color: palette.ink }, bgcolor: palette.card, opacity: 0.85 });
      });
    });
    layout.showlegend = false;
    layout.xaxis = { tickvals: axes.map(function (_, k) { return k; }), showticklabels: false, gridcolor: palette.grey, zeroline: false, range: [-0.05, axes.length - 0.4] };
    layout.yaxis = { visible: false, range: [-0.04, 1.04] };
    return { data: lines, layout: layout };
  }

  function draw(element) {
    var colours = theme();
    var spec = resolve(JSON.parse(document.getElementById(element.dataset.spec).textContent), palettes[colours]);
    var parallel = spec.data[0] && spec.data[0].type === "parcoords";
    if (parallel && !hasWebGL()) {
      spec = asLines(spec);
      parallel = false;
      brushedText(element).textContent = "This browser has no WebGL: the axes cannot be brushed here.";
    }
    if (spec.full) viewing(element, spec);
    spec.layout.height = Number(element.dataset.height);
    spec.layout.autosize = true;
    // On a touch screen a finger on a figure must scroll the page, not zoom the figure.
    if (touch) spec.layout.dragmode = false;
    if (element.classList.contains("waiting")) {
      element.textContent = "";
      element.classList.remove("waiting");
    } else if (parallel) {
      keepBrushes(element, spec);
    }
    var config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: !touch && !element.dataset.small,
      // Named one by one: newer releases add a button that sends the figure to a server.
      modeBarButtons: [parallel ? ["toImage"] : ["toImage", "zoom2d", "pan2d", "resetScale2d"]],
      plotlyServerURL: "",
      toImageButtonOptions: { filename: element.dataset.name, scale: 2 }
    };
    return window.Plotly.react(element, spec.data, spec.layout, config).then(function () {
      // Its name tells what it shows; its texts one by one, without their places, do not.
      element.querySelectorAll("svg").forEach(function (part) { part.setAttribute("aria-hidden", "true"); });
      if (drawn.indexOf(element) < 0) {
        drawn.push(element);
        reachable();
        if (spec.data[0] && spec.data[0].type === "parcoords") brushing(element);
      }
      if (theme() !== colours) return draw(element);  // the button was clicked meanwhile
    });
  }

  // A figure that opens on a part has a button that shows all of it.
  function viewing(element, spec) {
    var button = element.closest("figure").querySelector("button.view");
    var full = element.dataset.view === "full";
    if (full) Object.keys(spec.full).forEach(function (axis) { Object.assign(spec.layout[axis], spec.full[axis]); });
    button.hidden = false;
    button.textContent = full ? "The front" : "All trials";
    button.onclick = function () {
      element.dataset.view = full ? "" : "full";
      draw(element);
    };
  }

  function brushedText(element) {
    return element.closest("figure").querySelector(".brushed");
  }

  // Drawn again in other colours, the axes keep what was brushed.
  function keepBrushes(element, spec) {
    element.data[0].dimensions.forEach(function (old) {
      if (!old.constraintrange) return;
      spec.data[0].dimensions.forEach(function (axis) { if (axis.label === old.label) axis.constraintrange = old.constraintrange; });
    });
  }

  // Name the trials that pass the ranges brushed on parallel coordinates.
  function brushing(element) {
    var output = brushedText(element);
    var numbers = JSON.parse(element.dataset.trials || "[]");
    element.on("plotly_restyle", function () {
      var brushed = element.data[0].dimensions.filter(function (d) { return d.constraintrange; });
      var kept = numbers.filter(function (number, i) {
        return brushed.every(function (d) {
          var ranges = Array.isArray(d.constraintrange[0]) ? d.constraintrange : [d.constraintrange];
          return ranges.some(function (r) { return d.values[i] >= r[0] && d.values[i] <= r[1]; });
        });
      });
      var names = kept.slice(0, 30).join(", ") + (kept.length > 30 ? ", …" : "");
      output.textContent = brushed.length ? kept.length + " of " + numbers.length + " trials kept" + (kept.length ? ": " + names : "") : "";
    });
  }

  function ready() {
    var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
    if (!("IntersectionObserver" in window)) return plots.forEach(draw);
    var observer = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        observer.unobserve(entry.target);
        draw(entry.target);
      });
    }, { rootMargin: "800px 0px" });
    plots.forEach(function (plot) { observer.observe(plot); });
    // On paper all is open but the list of settings, which is run.toml again, and in light colours.
    var folded = [];
    window.addEventListener("beforeprint", function () {
      printing = true;
      folded = Array.from(document.querySelectorAll("details:not([open])")).filter(function (part) { return !part.querySelector("[data-kind=setting]"); });
      folded.forEach(function (part) { part.open = true; });
      plots.forEach(function (plot) { observer.unobserve(plot); draw(plot); });
    });
    window.addEventListener("afterprint", function () {
      printing = false;
      folded.forEach(function (part) { part.open = false; });
      if (theme() === "dark") plots.forEach(draw);
    });
  }

  function failed(reason) {
    document.querySelectorAll(".plot").forEach(function (plot) { plot.textContent = "This browser cannot draw the figures (" + reason + "). The tables are complete."; });
  }

  // plotly.js is stored compressed: a third of the size, and nothing is fetched from anywhere.
  function load() {
    if (typeof DecompressionStream === "undefined") return failed("it has no DecompressionStream");
    var packed = atob(document.getElementById("plotly").textContent.trim());
    var bytes = new Uint8Array(packed.length);
    for (var i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    new Response(stream).text().then(function (source) {
      var script = document.createElement("script");
      script.textContent = source;
      document.head.appendChild(script);
      if (window.Plotly) ready(); else failed("plotly.js did not start");
    }, function (error) { failed(String(error)); });
  }

  function relabel() {
    var dark = theme() === "dark";
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", "Switch to " + (dark ? "light" : "dark") + " colours");
  }

  function redraw() {
    relabel();
    drawn.forEach(draw);
  }

  button.hidden = false;
  button.addEventListener("click", function () {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    redraw();
  });
  system.addEventListener("change", function () { if (!root.dataset.theme) redraw(); });

  function key(cell) {
    var text = cell.textContent.replace(/\u2212/g, "-").replace(/,/g, "");
    var parts = /^(\d+) (h|min) (\d+) (min|s)$/.exec(text);
    if (parts) return parts[2] === "h" ? parts[1] * 3600 + parts[3] * 60 : parts[1] * 60 + Number(parts[3]);
    var number = parseFloat(text);
    return isNaN(number) ? text : number;
  }

  function sort(heading) {
    var table = heading.closest("table");
    var position = heading.cellIndex;
    var up = heading.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th").forEach(function (th) { th.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    rows.map(function (row) { return [key(row.cells[position]), row]; }).sort(function (a, b) {
      var blankA = a[0] === "–", blankB = b[0] === "–";
      if (blankA || blankB) return blankA - blankB;
      var order = typeof a[0] === "number" && typeof b[0] === "number" ? a[0] - b[0] : String(a[0]).localeCompare(String(b[0]));
      return up ? order : -order;
    }).forEach(function (pair) { table.tBodies[0].appendChild(pair[1]); });
  }

  document.querySelectorAll("th").forEach(function (th) {
    if (th.closest("tbody") || !th.textContent || th.closest("table").tBodies[0].rows.length < 3) return;
    var inner = document.createElement("button");
    inner.type = "button";
    inner.textContent = th.textContent;
    th.textContent = "";
    th.appendChild(inner);
    th.addEventListener("click", function () { sort(th); });
  });

  // What scrolls sideways can be reached by the keyboard; what does not is no stop on the way.
  function reachable() {
    document.querySelectorAll("figure .scroll, .grid, pre").forEach(function (part) {
      if (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1) part.tabIndex = 0; else if (!part.classList.contains("hit")) part.removeAttribute("tabindex");
    });
  }
  window.addEventListener("resize", reachable);
  document.querySelectorAll("details").forEach(function (part) { part.addEventListener("toggle", reachable); });

  var links = Array.prototype.slice.call(document.querySelectorAll("nav a"));
  if ("IntersectionObserver" in window) {
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        links.forEach(function (link) {
          if (link.hash === "#" + entry.target.id) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
        });
      });
    }, { rootMargin: "-20% 0px -70% 0px" });
    document.querySelectorAll("section").forEach(function (section) { seen.observe(section); });
  }

  relabel();
  reachable();
  load();
})();
