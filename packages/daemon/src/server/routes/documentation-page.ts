import { createHash } from 'node:crypto';
import type { Operation, Parameter, Schema } from '@berth/api-spec';
import { described } from '@berth/api-spec/described.ts';

const html = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
/** Text of the document: `code` between back-ticks. */
const prose = (text = '') => html(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const style = `body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
code,.path{font-family:monospace}h2{border-bottom:1px solid #ccc;margin-top:2em}summary{cursor:pointer;padding:.2em 0}
.method{display:inline-block;width:4.5em;font-weight:bold}table{border-collapse:collapse;margin:.5em 0 1em}
td,th{border:1px solid #ddd;padding:.2em .6em;text-align:left;vertical-align:top}details{margin:.2em 0}
nav{position:sticky;top:0;background:#fff;padding:.5em 0;line-height:2}nav a{margin-right:1em}summary,td,p{overflow-wrap:anywhere}
input{font:inherit;width:100%;box-sizing:border-box;padding:.4em .6em;border:1px solid #999;border-radius:.3em}[hidden]{display:none}
@media(max-width:40em){body{margin:.5em auto}.method{display:inline}.method:after{content:" "}table{display:block;overflow-x:auto}
td:nth-child(n+2),th:nth-child(n+2){min-width:4em}}`;

/** Shows the operations that have every word of the search, by all that is said of them. Without scripts there is no search. */
const script = `const box=document.createElement('input');box.type='search';box.placeholder='Search operations, parameters, members';
box.setAttribute('aria-label','Search');document.querySelector('nav').prepend(box);
const all=[...document.querySelectorAll('details')].map(node=>[node,node.textContent.toLowerCase()]);
const heads=[...document.querySelectorAll('h2')];const none=document.querySelector('output');
box.addEventListener('input',()=>{const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let found=0;
for(const [node,text] of all){node.hidden=!words.every(word=>text.includes(word));if(!node.hidden)found++}
for(const head of heads){let shown=false;for(let next=head.nextElementSibling;next&&next.tagName!=='H2';next=next.nextElementSibling)
shown=shown||next.tagName==='DETAILS'&&!next.hidden;head.hidden=!shown}
none.textContent=words.length?found+' found':''});
addEventListener('keydown',event=>{if(event.key==='/'&&event.target!==box){event.preventDefault();box.focus()}});`;

/** The page may use its own style and script, and nothing else. */
export const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`;

/** The API document as a page of HTML, which needs no script but for its search. */
export function page(): string {
  const tags = new Map<string, string[]>();
  for (const [path, item] of Object.entries(described.paths)) {
    for (const method of ['get', 'head', 'post', 'put', 'delete'] as const) {
      const operation = item[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? 'Other';
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      tags.set(tag, [
        ...(tags.get(tag) ?? []),
        section(method.toUpperCase(), path, operation, parameters as Parameter[]),
      ]);
    }
  }
  const names = [...tags.keys()];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${html(described.info.title)}</title>
<style>${style}</style><h1>${html(described.info.title)} ${html(described.info.version)}</h1>
<p>${prose(described.info.description)}</p><nav>${names.map((name) => `<a href="#${html(name)}">${html(name)}</a>`).join('')} <output></output></nav>
${names.map((name) => `<h2 id="${html(name)}">${html(name)}</h2>${tags.get(name)!.join('\n')}`).join('\n')}<script>${script}</script></html>
`;
}

function section(method: string, path: string, operation: Operation, parameters: Parameter[]): string {
  const rows = parameters
    .map((parameter) => ({ ...(resolve(parameter) as unknown as Parameter) }))
    .map(
      ({ name, in: place, description, schema }) =>
        `<tr><td><code>${html(name)}</code><td>${place}<td>${html(typeText(schema))}<td>${prose(description)}`,
    );
  const body = Object.entries(operation.requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<p>Body <code>${html(type)}</code>: ${members(schema)}</p>`,
  );
  const responses = Object.entries(operation.responses).map(
    ([status, response]) => `<tr><td>${status}<td>${prose(response.description)}`,
  );
  return `<details><summary><span class="method">${method}</span><span class="path">${html(path)}</span> ${prose(operation.summary)}</summary>
<p>${prose(operation.description)}</p>
${rows.length > 0 ? `<table><tr><th>Parameter<th>In<th>Type<th>Meaning${rows.join('')}</table>` : ''}${body.join('')}
<table><tr><th>Status<th>Meaning${responses.join('')}</table></details>`;
}

function resolve(node: { $ref?: string | undefined }): Schema {
  let found: unknown = node;
  if (node.$ref !== undefined) {
    found = described;
    for (const part of node.$ref.replace(/^#\//, '').split('/'))
      found = (found as Record<string, unknown>)[part];
  }
  return found as Schema;
}

function typeText(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.replace(/^.*\//, '');
  const type = [schema.type ?? 'any'].flat().join(' or ');
  return schema.items ? `${type} of ${typeText(schema.items)}` : type;
}

function members(schema: Schema | undefined): string {
  if (!schema) return '';
  const { properties, allOf } = resolve(schema);
  const all = { ...properties };
  for (const part of allOf ?? []) Object.assign(all, resolve(part).properties);
  const rows = Object.entries(all).map(
    ([name, member]) =>
      `<tr><td><code>${html(name)}</code><td>${html(typeText(member))}<td>${prose(member.description)}`,
  );
  return rows.length > 0 ? `<table>${rows.join('')}</table>` : html(typeText(schema));
}
