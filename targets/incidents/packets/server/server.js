// An echo by acknowledgement as the documentation of Socket.IO writes it. It has no handler for the event `error`, as
// the documentation's has none: to have one was the work-around before the fix.
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
