// Renders /openapi.json. Text goes in as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "delete"];
const SHOWN_HEADERS = ["etag", "odds-cursor", "odds-source", "retry-after", "ratelimit", "request-id"];

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const table = (headings, rows) => element("div", { class: "wide" }, element("table", {},
  element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)))),
  element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)))))));

const kind = (schema = {}) => {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return element("a", { href: `#type-${name}` }, name);
  }
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return element("span", {}, ...schema.anyOf.flatMap((one, at) => (at ? [" | ", kind(one)] : [kind(one)])));
  if (schema.type === "array") return element("span", {}, "list of ", kind(schema.items));
  if (schema.type === "object" && schema.additionalProperties) return element("span", {}, "map of ", kind(schema.additionalProperties));
  return schema.format || schema.type || "any";
};

const meaning = (one, schema = {}) => {
  const parts = [one.description || schema.description || "", schema.pattern ? element("code", {}, schema.pattern) : "",
    schema.default !== undefined && schema.default !== null ? `default ${JSON.stringify(schema.default)}` : ""];
  return element("span", {}, ...parts.filter(Boolean).flatMap((part, at) => (at ? ["; ", part] : [part])));
};

// Codes of problems, as the description writes them between backticks, lead to the table of problems.
const coded = (text) => element("span", {}, ...text.split("`").map((part, at) =>
  (at % 2 ? element("a", { href: `#${part}` }, element("code", {}, part)) : part)));

const ask = async (method, path, form, shown) => {
  let address = path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of form.querySelectorAll("input")) {
    if (field.dataset.place === "path") address = address.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value && field.dataset.place === "header") headers[field.name] = field.value;
    else if (field.value) query.set(field.name, field.value);
  }
  const key = document.getElementById("key").value;
  if (key) headers["X-API-Key"] = key;
  if (query.toString()) address += `?${query}`;
  const said = form.querySelector("textarea");
  const body = said ? said.value : undefined;
  if (said) headers["Content-Type"] = "application/json";
  const answer = await fetch(address, { method, headers, body });
  const text = await answer.text();
  const head = [`${answer.status} ${method} ${address}`];
  for (const name of SHOWN_HEADERS) {
    if (answer.headers.has(name)) head.push(`${name}: ${answer.headers.get(name)}`);
  }
  const json = (answer.headers.get("content-type") || "").includes("json");
  shown.textContent = `${head.join("\n")}\n\n${json && text ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
};

const route = (path, method, said) => {
  const parameters = said.parameters || [];
  const form = element("form", {}, ...parameters.map((one) => element("label", {}, one.name,
    element("input", { name: one.name, "data-place": one.in, ...(one.required ? { required: "" } : {}) }))));
  if (said.requestBody) form.append(element("label", {}, "body", element("textarea", { spellcheck: "false" }, "{}")));
  form.append(element("button", {}, "Ask"));
  const shown = element("pre", { hidden: "", "aria-live": "polite", tabindex: "0" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    shown.hidden = false;
    shown.textContent = "…";
    ask(method.toUpperCase(), path, form, shown).catch((error) => { shown.textContent = String(error); });
  });
  const taken = said.requestBody ? said.requestBody.content["application/json"].schema : null;
  return element("details", { id: `route-${said.operationId}` },
    element("summary", {}, element("b", { class: method }, method.toUpperCase()), element("code", {}, path),
      element("span", {}, said.summary)),
    element("p", {}, said.description || said.summary),
    ...(parameters.length ? [table(["parameter", "in", "type", "meaning"], parameters.map((one) =>
      [element("code", {}, one.name), one.required ? `${one.in}, required` : one.in, kind(one.schema), meaning(one, one.schema)]))] : []),
    ...(taken ? [element("p", {}, "Body: ", kind(taken))] : []),
    table(["status", "gives"], Object.entries(said.responses).map(([status, one]) => {
      const given = Object.entries(one.content || {})[0];
      const gives = status < 300 && given && given[1].schema.$ref ? kind(given[1].schema) : coded(one.description);
      return [status, gives];
    })),
    form, shown);
};

const type = (name, schema) => element("details", { id: `type-${name}` },
  element("summary", {}, element("code", {}, name)), element("p", {}, schema.description || ""),
  table(["field", "type", "meaning"], Object.entries(schema.properties || {}).map(([field, one]) =>
    [element("code", {}, field + ((schema.required || []).includes(field) ? "" : "?")), kind(one), meaning(one, one)])));

const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
};

const render = async () => {
  const document_ = await (await fetch("/openapi.json")).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((one) => methods[one])) {
      const said = methods[method];
      const tag = (said.tags || ["other"])[0];
      groups.set(tag, [...(groups.get(tag) || []), route(path, method, said)]);
    }
  }
  document.getElementById("routes").replaceChildren(...[...groups].flatMap(([tag, routes]) =>
    [element("h2", { id: `tag-${tag}` }, tag), ...routes]));
  document.getElementById("types").replaceChildren(
    ...Object.entries(document_.components.schemas).map(([name, schema]) => type(name, schema)));
  document.getElementById("problems").replaceChildren(table(["code", "status", "meaning"],
    document_["x-problems"].map((one) => [element("code", { id: one.code }, one.code), String(one.status), one.title])));
  addEventListener("hashchange", reveal);
  reveal();
};

document.getElementById("credential").addEventListener("submit", (event) => event.preventDefault());
render().catch((error) => { document.getElementById("routes").textContent = `The description cannot be read: ${error}`; });
