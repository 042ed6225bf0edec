using System.Net;
using System.Net.Sockets;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>The socket that packets are logged to is the one that is asked and answered on.</summary>
public sealed class PacketLogTests
{
    private const int LogSubsystem = 4;
    private const int Configure = 1;
    private const ushort Group = 4711;
    private const int Flood = 60_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly ushort Question = NetfilterSocket.Type(LogSubsystem, Configure);

    [KernelFact]
    public void The_end_of_a_batch_of_packets_is_not_taken_for_the_answer_to_a_question()
    {
        using var lab = new VethLab();
        lab.Run(() =>
        {
            CommandRunner.Run("ip", "link", "set", "lo", "up");
            CommandRunner.Run(
                "iptables-nft", "-A", "OUTPUT", "-p", "udp", "-j", "NFLOG", "--nflog-group", $"{Group}", "--nflog-threshold", "2"
            );
            using var log = new NetfilterSocket();
            // NFULA_CFG_CMD: bind; NFULA_CFG_MODE: whole packets.
            Assert.Equal(0, log.Execute(Question, new AttributeWriter(resource: Group).Add(1, 1).Add(2, 0, 0, 255, 255, 2, 0).Body));
            SendDatagrams(4);
            // Two batches of two wait now, each with a "done" behind it. NFULA_CFG_QTHRESH:
            Assert.Equal(0, log.Execute(Question, new AttributeWriter(resource: Group).AddNumber(5, 1).Body));
            // And what is refused is still told: somebody listens (NFULA_CFG_CMD: bind; EBUSY).
            SendDatagrams(4);
            Assert.Equal(16, log.Execute(Question, new AttributeWriter(resource: Group).Add(1, 1).Body));
        });
    }

    [KernelFact]
    public void What_the_kernel_had_no_room_for_is_counted_packet_by_packet()
    {
        using var lab = new VethLab();
        lab.Run(() =>
        {
            CommandRunner.Run("ip", "link", "set", "lo", "up");
            CommandRunner.Run("iptables-nft", "-A", "OUTPUT", "-p", "udp", "-j", "NFLOG", "--nflog-group", $"{Group}");
            using var log = new PacketLog(Group, copyBytes: 256);
            SendDatagrams(100);
            (long sent, long read) = (100, 0);
            void ReadUntilAllIsTold()
            {
                long start = TimeProvider.System.GetTimestamp();
                using var timer = new ManualResetEventSlim();
                while (read + log.Lost < sent && TimeProvider.System.GetElapsedTime(start) < Patience)
                {
                    timer.Wait(TimeSpan.FromMilliseconds(30));
                    read += log.Read(_ => { });
                    // What is missing at the end shows with the next.
                    SendDatagrams(1);
                    sent++;
                    timer.Wait(TimeSpan.FromMilliseconds(30));
                    read += log.Read(_ => { });
                }

                Assert.Equal(sent, read + log.Lost);
            }

            ReadUntilAllIsTold();
            Assert.Equal(0, log.Lost);
            // Far more than the socket's buffer has room for.
            SendDatagrams(Flood);
            sent += Flood;
            ReadUntilAllIsTold();
            Assert.InRange(log.Lost, 1, Flood);
            Assert.True(read > 100, "nothing of the flood was read");
        });
    }

    private static void SendDatagrams(int count)
    {
        using var sender = new UdpClient(AddressFamily.InterNetwork);
        byte[] datagram = new byte[200];
        for (int i = 0; i < count; i++)
        {
            sender.Send(datagram, new IPEndPoint(IPAddress.Loopback, 9));
        }
    }
}
