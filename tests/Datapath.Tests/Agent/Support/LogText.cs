using System.Text;

namespace Datapath.Tests.Agent.Support;

/// <summary>A log that is read while it is written.</summary>
internal sealed class LogText : TextWriter
{
    private readonly StringBuilder _text = new();
    private readonly Lock _turn = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
        lock (_turn)
        {
            _text.Append(value);
        }
    }

    public override string ToString()
    {
        lock (_turn)
        {
            return _text.ToString();
        }
    }
}
