// Renders /openapi.json. Text goes in as text, never as markup.
"use strict";

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const table = (headings, rows) => element("table", {},
  element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)))),
  element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))))));

const kind = (schema = {}) => {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return element("a", { href: `#type-${name}` }, name);
  }
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return element("span", {}, ...schema.anyOf.flatMap((one, at) => (at ? [" | ", kind(one)] : [kind(one)])));
  if (schema.type === "array") return element("span", {}, "list of ", kind(schema.items));
  return [schema.type, schema.pattern].filter(Boolean).join(" ") || "any";
};

const ask = async (path, form, shown) => {
  let address = path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("input")) {
    if (field.dataset.place === "path") address = address.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value) query.set(field.name, field.value);
  }
  if (query.toString()) address += `?${query}`;
  const answer = await fetch(address);
  const text = await answer.text();
  const head = [`${answer.status} ${address}`];
  for (const name of ["etag", "odds-cursor", "odds-source", "request-id"]) {
    if (answer.headers.has(name)) head.push(`${name}: ${answer.headers.get(name)}`);
  }
  const json = (answer.headers.get("content-type") || "").includes("json");
  shown.textContent = `${head.join("\n")}\n\n${json ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
};

const route = (path, said) => {
  const parameters = said.parameters || [];
  const form = element("form", {}, ...parameters.map((one) => element("label", {}, `${one.name} `,
    element("input", { name: one.name, "data-place": one.in, ...(one.required ? { required: "" } : {}) }))),
  element("button", {}, "Ask"));
  const shown = element("pre", { hidden: "", "aria-live": "polite" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    shown.hidden = false;
    shown.textContent = "…";
    ask(path, form, shown).catch((error) => { shown.textContent = String(error); });
  });
  return element("article", { id: `route-${said.operationId}` },
    element("h3", {}, element("b", {}, "GET"), " ", element("code", {}, path)),
    element("p", {}, said.description || said.summary),
    ...(parameters.length ? [table(["parameter", "in", "type"], parameters.map((one) =>
      [element("code", {}, one.name), one.required ? `${one.in}, required` : one.in, kind(one.schema)]))] : []),
    table(["status", "meaning"], Object.entries(said.responses).map(([status, one]) => [status, one.description])),
    form, shown);
};

const type = (name, schema) => element("article", { id: `type-${name}` },
  element("h3", {}, element("code", {}, name)), element("p", {}, schema.description || ""),
  table(["field", "type", "meaning"], Object.entries(schema.properties || {}).map(([field, one]) =>
    [element("code", {}, field + ((schema.required || []).includes(field) ? "" : "?")), kind(one), one.description || ""])));

const render = async () => {
  const document_ = await (await fetch("/openapi.json")).json();
  document.getElementById("routes").replaceChildren(
    ...Object.entries(document_.paths).map(([path, methods]) => route(path, methods.get)));
  document.getElementById("types").replaceChildren(
    ...Object.entries(document_.components.schemas).map(([name, schema]) => type(name, schema)));
  document.getElementById("problems").replaceChildren(table(["code", "status", "meaning"],
    document_["x-problems"].map((one) => [element("code", { id: one.code }, one.code), String(one.status), one.title])));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
};

render().catch((error) => { document.getElementById("routes").textContent = `The description cannot be read: ${error}`; });
