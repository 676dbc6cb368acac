// An echo server as the documentation of ws writes it: https://github.com/websockets/ws#simple-server
const { WebSocketServer } = require('ws');

const [host, port] = process.argv.slice(2);
const wss = new WebSocketServer({ host, port: Number(port) });

wss.on('connection', function connection(ws) {
  ws.on('error', console.error);

  ws.on('message', function message(data, isBinary) {
    ws.send(data, { binary: isBinary });
  });
});
