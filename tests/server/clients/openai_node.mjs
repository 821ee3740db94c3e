// npm `openai` against the server at argv[2], every method that it serves, streamed and not. openai_node.py runs it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , url, name, packageFolder] = process.argv;
const { default: OpenAI } = await import(pathToFileURL(path.join(packageFolder, 'index.mjs')));
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const messages = [{ role: 'user', content: 'What is the capital of France? Answer with one word.' }];
const weather = {
  type: 'function',
  function: {
    name: 'get_weather', description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
  },
};

async function text_of(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? chunk.choices[0]?.text ?? '';
  return text;
}

const tests = {
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, [name]);
    assert.equal((await client.models.retrieve(name)).id, name);
    await assert.rejects(client.models.retrieve('other'), OpenAI.NotFoundError);
  },
  async chat() {
    const whole = await client.chat.completions.create({ model: name, messages, max_tokens: 16 });
    const stream = await client.chat.completions.create({ model: name, messages, max_tokens: 16, stream: true });
    assert.ok(whole.choices[0].message.content);
    assert.equal(await text_of(stream), whole.choices[0].message.content);
    const helper = client.chat.completions.stream({ model: name, messages, max_tokens: 16 });
    assert.equal(await helper.finalContent(), whole.choices[0].message.content);
  },
  async chat_json_schema() {
    const schema = { type: 'object', properties: { age: { type: 'integer', minimum: 0, maximum: 150 } },
      required: ['age'], additionalProperties: false };
    const answer = await client.chat.completions.parse({ model: name, max_tokens: 60,
      messages: [{ role: 'user', content: 'Invent a person.' }],
      response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema } } });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).age, 'number');
  },
  async tools_through_a_whole_loop() {
    const question = [{ role: 'user', content: 'How is the weather in Paris?' }];
    const asked = { model: name, messages: question, tools: [weather], tool_choice: 'required', max_tokens: 100 };
    const answer = await client.chat.completions.create(asked);
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(call.function.name, 'get_weather');
    assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ['city']);
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    assert.equal(streamed.choices[0].message.tool_calls[0].function.arguments, call.function.arguments);
    const last = await client.chat.completions.create({ model: name, max_tokens: 20, tools: [weather], messages: [
      ...question, answer.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'Sunny' }] });
    assert.ok(last.choices[0].message.content || last.choices[0].message.tool_calls);
    let heard = '';
    const runner = client.chat.completions.runTools({ model: name, messages: question, max_tokens: 60,
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      tools: [{ type: 'function', function: { ...weather.function, parse: JSON.parse,
        function: ({ city }) => { heard = city; return 'Sunny'; } } }] });
    await runner.done();
    assert.ok(heard);
  },
  async completions() {
    const prompt = 'Once upon a time';
    const whole = await client.completions.create({ model: name, prompt, max_tokens: 12 });
    assert.equal(whole.usage.completion_tokens, 12);
    const stream = await client.completions.create({ model: name, prompt, max_tokens: 12, stream: true });
    assert.equal(await text_of(stream), whole.choices[0].text);
  },
  async embeddings() {
    const plain = await client.embeddings.create({ model: name, input: 'cat', encoding_format: 'float' });
    const packed = await client.embeddings.create({ model: name, input: ['cat', 'dog'] }); // the client asks for base64
    assert.equal(packed.data.length, 2);
    plain.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - packed.data[0].embedding[i]) < 1e-6));
  },
  async responses() {
    const asked = { model: name, input: messages[0].content, max_output_tokens: 16 };
    const whole = await client.responses.create(asked);
    assert.ok(whole.output_text);
    let text = '', last;
    for await (const event of await client.responses.create({ ...asked, stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
      last = event.type;
    }
    assert.equal(text, whole.output_text);
    assert.match(last, /^response\.(completed|incomplete)$/);
    const final = await client.responses.stream(asked).finalResponse();
    assert.equal(final.output_text, whole.output_text);
  },
  async errors_have_their_class() {
    await assert.rejects(client.chat.completions.create({ model: name, messages, temprature: 1 }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === 'temprature');
  },
};

let failed = 0;
for (const [title, run] of Object.entries(tests)) {
  try {
    await run();
    console.log(`ok ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${title}\n${error.stack}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
