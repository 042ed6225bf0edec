using System.Runtime.InteropServices;
using System.Text;
using Datapath.Lab.Networks;
using Microsoft.Win32.SafeHandles;

namespace Datapath.KernelTests.Host;

/// <summary>Two tun devices, one in each namespace, that hand their packets to each other: a link without MAC headers.</summary>
internal sealed partial class TunPair : IDisposable
{
    private const int ReadWrite = 2; // O_RDWR
    private const int NonBlocking = 0x800; // O_NONBLOCK
    private const uint SetInterface = 0x400454ca; // TUNSETIFF
    private const int NameBytes = 16;
    private const int RequestBytes = 40; // struct ifreq
    private const short TunWithoutHeader = 0x1001; // IFF_TUN | IFF_NO_PI
    private const int LongestPacketBytes = 65536;
    private const short Readable = 1; // POLLIN
    private const int PollMilliseconds = 50;

    private readonly CancellationTokenSource _stop = new();
    private readonly SafeFileHandle _one;
    private readonly SafeFileHandle _other;
    private readonly Thread[] _movers;

    /// <summary>Makes both devices, named alike, and moves packets until disposed.</summary>
    public TunPair(LabHost one, LabHost other, string name)
    {
        _one = one.Run(() => Open(name));
        _other = other.Run(() => Open(name));
        _movers = [Mover(_one, _other), Mover(_other, _one)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        foreach (Thread mover in _movers)
        {
            mover.Join();
        }

        _one.Dispose();
        _other.Dispose();
        _stop.Dispose();
    }

    private static SafeFileHandle Open(string name)
    {
        int descriptor = open("/dev/net/tun", ReadWrite | NonBlocking);
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        byte[] request = new byte[RequestBytes];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(NameBytes), TunWithoutHeader);
        if (descriptor < 0 || ioctl(descriptor, SetInterface, request) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            handle.Dispose();
            throw new LabException($"no tun device {name}: errno {errno}");
        }

        return handle;
    }

    private Thread Mover(SafeFileHandle from, SafeFileHandle to)
    {
        var thread = new Thread(() => Move((int)from.DangerousGetHandle(), (int)to.DangerousGetHandle())) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void Move(int from, int to)
    {
        var packet = new byte[LongestPacketBytes];
        while (!_stop.IsCancellationRequested)
        {
            PollRequest[] requests = [new() { Descriptor = from, Wanted = Readable }];
            if (poll(requests, 1, PollMilliseconds) <= 0)
            {
                continue;
            }

            nint length = read(from, packet, packet.Length);
            if (length > 0)
            {
                // What the other side does not take is lost, as on any link.
                _ = write(to, packet, length);
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Wanted;
        public short Happened;
    }

    [LibraryImport("libc.so.6", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial int ioctl(int descriptor, nuint request, [In] byte[] argument);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial int poll([In, Out] PollRequest[] requests, nuint count, int milliseconds);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial nint read(int descriptor, [Out] byte[] buffer, nint length);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial nint write(int descriptor, [In] byte[] buffer, nint length);
}
