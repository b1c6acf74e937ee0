extension Browser {
    /// Waits in the page until `condition` holds.
    package func wait(until condition: String) async throws {
        _ = try await value(
            of: """
                new Promise((resolve, reject) => {
                    const limit = Date.now() + 60000;
                    const look = () => {
                        if (\(condition)) resolve(true);
                        else if (Date.now() > limit) reject(new Error(document.body.innerText));
                        else setTimeout(look, 20);
                    };
                    look();
                })
                """)
    }

    /// The same, while something goes on outside of the page: called about twenty times a second.
    package func wait(until condition: String, _ meanwhile: () -> Void) async throws {
        for _ in 0..<Self.looksMax {
            meanwhile()
            let look = "new Promise(resolve => setTimeout(() => resolve(Boolean(\(condition))), 50))"
            if try await value(of: look) as? Bool == true { return }
        }
        throw Failure(description: "in vain: \(condition)")
    }

    /// The same, while the page may give way to another: what is asked of one that goes has no answer.
    package func wait(acrossPagesUntil condition: String) async throws {
        for _ in 0..<Self.looksMax {
            let look = "new Promise(resolve => setTimeout(() => resolve(Boolean(\(condition))), 50))"
            do {
                if try await value(of: look) as? Bool == true { return }
            } catch let failure as Failure where failure.description.contains("-32000") {
                continue
            }
        }
        throw Failure(description: "in vain: \(condition)")
    }

    private static let looksMax = 1_200
}
