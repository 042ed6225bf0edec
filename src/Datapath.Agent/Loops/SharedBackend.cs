using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <summary>The one door to the backend, which takes one caller at a time: the policy loop applies, the flow loop reads events.</summary>
/// <param name="backend">Owned from here on; disposing leaves enforcement in the kernel as it is.</param>
/// <param name="reason">Why it is this one, for <c>status</c>.</param>
internal sealed class SharedBackend(IBackend backend, string reason = "") : IDisposable
{
    // An apply waits for a grace period of the kernel, tens of milliseconds: events queue in its ring buffer meanwhile.
    private readonly Lock _turn = new();
    private bool _isDisposed;

    /// <summary>The word for it in <c>status</c>.</summary>
    public string Name { get; } = backend.Name;

    /// <summary>Why it is this one.</summary>
    public string Reason => reason;

    /// <summary>Calls the backend when it is our turn.</summary>
    /// <param name="call">What to ask; must not keep the backend.</param>
    /// <typeparam name="T">The answer.</typeparam>
    public T Ask<T>(Func<IBackend, T> call)
    {
        lock (_turn)
        {
            return call(backend);
        }
    }

    /// <summary>Has the backend do what needs no policy, when it is its turn; nothing once we have let go of it.</summary>
    /// <exception cref="BackendException">The kernel refused; the first policy meets the same.</exception>
    public void Prepare()
    {
        lock (_turn)
        {
            if (!_isDisposed)
            {
                backend.Prepare();
            }
        }
    }

    /// <summary>Lets go of the kernel objects, which stay in force.</summary>
    public void Dispose()
    {
        lock (_turn)
        {
            _isDisposed = true;
            backend.Dispose();
        }
    }
}
