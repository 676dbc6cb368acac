// An echo by acknowledgement as the documentation of Socket.IO writes it:
// https://socket.io/docs/v4/server-initialization/ and https://socket.io/docs/v4/emitting-events/#acknowledgements
const { createServer } = require('http');
const { Server } = require('socket.io');

const [host, port] = process.argv.slice(2);
const httpServer = createServer();
const io = new Server(httpServer);

io.on('connection', (socket) => {
  socket.on('echo', (arg1, callback) => {
    callback(arg1);
  });
});

httpServer.listen(Number(port), host);
