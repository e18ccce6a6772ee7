// The search box: it looks through what stands on the page, read when the box is first used.
(function () {
  "use strict";
  var box = document.getElementById("find");
  var list = document.getElementById("found");
  var place = box.parentNode;
  var MOST = 40;
  var KINDS = { trials: "trial", layers: "layer", words: "term", targets: "candidate" };
  var FIRST = ["section", "term", "trial", "setting", "layer"];  // of those that fit alike
  var entries = null, hits = [], active = -1;

  function plain(element) {
    return (element.textContent || "").replace(/\s+/g, " ").trim();
  }

  function add(element, kind, title, text, section) {
    title = title.slice(0, 120);
    if (title) entries.push({ element: element, kind: kind, title: title, text: text, section: section, all: (title + " " + text).toLowerCase(), name: title.toLowerCase() });
  }

  function row(tr, kind, section) {
    var heads = tr.closest("table").querySelectorAll("thead th, thead td");
    var cells = Array.prototype.slice.call(tr.cells);
    var title = plain(cells[0]);
    var text = cells.slice(1).map(function (cell, i) { return (heads[i + 1] ? plain(heads[i + 1]) + " " : "") + plain(cell); });
    add(tr, kind, kind === "trial" ? "trial " + title : title, text.join(" · "), section);
  }

  function collect() {
    entries = [];
    document.querySelectorAll("main section").forEach(function (section) {
      var name = plain(section.querySelector("h2")), kind = KINDS[section.id] || "value";
      var parts = "h2, h3, p, summary, .tile, figcaption, .gallery > li, dl.words > div, tbody tr, pre, g.layer";
      section.querySelectorAll(parts).forEach(function (part) {
        if (part.matches("h2")) add(part, "section", name, section.querySelector(".lead") ? plain(section.querySelector(".lead")) : "", name);
        else if (part.matches("h3, summary")) add(part, "part", plain(part), "", name);
        else if (part.matches("tr")) row(part, part.closest("[data-kind]") ? part.closest("[data-kind]").dataset.kind : kind, name);
        else if (part.matches(".tile")) add(part, "value", plain(part.querySelector("dt")), plain(part.querySelector(".value")) + " " + plain(part.querySelector(".remark")), name);
        else if (part.matches("dl.words > div")) add(part, "term", plain(part.querySelector("dt")), plain(part.querySelector("dd")), name);
        else if (part.matches("figcaption")) add(part.closest("figure"), "figure", plain(part.querySelector("b") || part), plain(part), name);
        else if (part.matches("g.layer")) add(part, "layer", part.dataset.name, part.dataset.told, name);
        else if (part.matches(".gallery > li")) add(part, "sample", plain(part), "", name);
        else if (part.matches("pre")) plain(part) && part.textContent.split("\n").forEach(function (line) { add(part, "line", line.trim(), "", name); });
        else if (!part.matches(".lead") && !part.closest(".gallery")) add(part, "text", plain(part), plain(part), name);
      });
    });
    var trials = document.getElementById("trials");
    JSON.parse(document.getElementById("unlisted").textContent).forEach(function (item) { add(trials, "trial", item[0], item[1], plain(trials.querySelector("h2"))); });
  }

  function rank(entry, query, words) {
    if (entry.name === query) return 0;
    if (entry.name.indexOf(query) === 0) return 1;
    if (words.every(function (word) { return entry.name.indexOf(word) >= 0; })) return 2;
    return entry.all.indexOf(query) >= 0 ? 3 : 4;
  }

  function order(entry) {
    return FIRST.indexOf(entry.kind) < 0 ? FIRST.length : FIRST.indexOf(entry.kind);
  }

  function search() {
    var query = box.value.trim().toLowerCase().replace(/\s+/g, " "), words = query.split(" ");
    if (!entries) collect();
    hits = !query ? [] : entries.filter(function (entry) {
      return words.every(function (word) { return entry.all.indexOf(word) >= 0; });
    }).map(function (entry, i) { return [rank(entry, query, words), i, entry]; }).sort(function (a, b) { return a[0] - b[0] || order(a[2]) - order(b[2]) || a[1] - b[1]; }).map(function (item) { return item[2]; });
    show(query);
  }

  function piece(name, text, kind) {
    var made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function show(query) {
    list.textContent = "";
    active = -1;
    hits.slice(0, MOST).forEach(function (entry, i) {
      var option = piece("div", "");
      option.id = "found-" + i;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.appendChild(piece("b", entry.title));
      option.appendChild(piece("span", entry.kind === "section" ? "section" : entry.kind + " in " + entry.section, "where"));
      if (entry.text && entry.text !== entry.title) option.appendChild(piece("span", entry.text.length > 180 ? entry.text.slice(0, 180) + " …" : entry.text, "told"));
      option.addEventListener("mousedown", function (event) { event.preventDefault(); go(entry); });
      list.appendChild(option);
    });
    var count = hits.length === 1 ? "1 place" : hits.length + " places";
    document.getElementById("count").textContent = !query ? "" : hits.length > MOST ? count + ", the first " + MOST + " are shown" : count;
    list.hidden = !hits.length;
    box.setAttribute("aria-expanded", String(!list.hidden));
    place.classList.toggle("asked", Boolean(query));
    choose(hits.length ? 0 : -1);
  }

  function choose(number) {
    var options = list.children;
    if (active >= 0 && options[active]) options[active].setAttribute("aria-selected", "false");
    active = number;
    if (active < 0) return box.removeAttribute("aria-activedescendant");
    options[active].setAttribute("aria-selected", "true");
    options[active].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", options[active].id);
  }

  function close() {
    list.hidden = true;
    place.classList.remove("over", "asked");
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function go(entry) {
    var target = entry.element;
    box.blur();
    for (var part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView({ block: target.offsetHeight > 0.7 * window.innerHeight ? "start" : "center", inline: "nearest" });
    document.querySelectorAll(".hit").forEach(function (old) { old.classList.remove("hit"); });
    target.classList.add("hit");
    if (!target.closest("svg")) {
      if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
      target.focus({ preventScroll: true });
    }
    setTimeout(function () { target.classList.remove("hit"); }, 4000);
  }

  function open() {
    if (place.getBoundingClientRect().bottom < 0) place.classList.add("over");
    box.focus({ preventScroll: true });
    box.select();
  }

  box.addEventListener("input", search);
  box.addEventListener("focus", function () { if (box.value) search(); });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", function (event) {
    var last = list.children.length - 1;
    if (event.key === "ArrowDown" && last >= 0) choose(active < last ? active + 1 : 0);
    else if (event.key === "ArrowUp" && last >= 0) choose(active > 0 ? active - 1 : last);
    else if (event.key === "Enter" && hits[active]) go(hits[active]);
    else if (event.key === "Escape") { box.value = ""; search(); box.blur(); }
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  var button = document.getElementById("seek"), header = document.querySelector("header.top");
  button.addEventListener("click", open);
  // It stands for the box only where the box is out of sight.
  if ("IntersectionObserver" in window) {
    new IntersectionObserver(function (entries) {
      button.hidden = entries[entries.length - 1].isIntersecting;
    }).observe(header);
  } else button.hidden = false;
  place.hidden = false;
})();
