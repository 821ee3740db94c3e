// GET /
#include "server/api/endpoints.h"
#include "text/html.h"

namespace quipu::server {
Status page(Call& call, const Fields*) {
  std::string host(call.request().header("Host").value_or("localhost:8080"));
  const std::string base = text::escape_html(host + call.service.options.url_prefix);
  std::string rows, models;
  for (const Endpoint& endpoint : endpoints())
    rows += fmt::format("<tr><td>{}<td><code>{}</code><td>{}\n", endpoint.method, endpoint.path,
                        text::escape_html(endpoint.summary));
  for (const std::string& name : call.service.host.names())
    models += fmt::format("<li><code>{}</code>\n", text::escape_html(name));
  const std::string html = fmt::format(
      "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
      "<title>quipu</title>\n<style>body{{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}}"
      "pre{{background:#8882;padding:1em;overflow:auto}}td{{padding:0 1em 0 0;vertical-align:top}}</style>\n"
      "<h1>quipu</h1>\n<p>A language model runs here and answers over HTTP as OpenAI's API does. "
      "Models:\n<ul>\n{}</ul>\n"
      "<pre>curl http://{}/v1/chat/completions -H 'Content-Type: application/json' \\\n"
      "  -d '{{\"messages\": [{{\"role\": \"user\", \"content\": \"Say this is a test!\"}}]}}'</pre>\n"
      "<p>With the client of OpenAI: <code>OpenAI(base_url=\"http://{}/v1\", api_key=\"none\")</code>. "
      "Every field of every request is described in <a "
      "href=\"{}/openapi.json\">openapi.json</a>.\n<table>\n{}</table>\n",
      models, base, base, text::escape_html(call.service.options.url_prefix), rows);
  call.exchange->respond({200,
                          "text/html; charset=utf-8",
                          html,
                          {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"}}});
  return {};
}

}  // namespace quipu::server
